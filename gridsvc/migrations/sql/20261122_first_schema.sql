-- The first schema: every domain's tables, top of the file = bottom of the house (foreign keys point down).
-- Geometry is typed, in EPSG:4326, longitude first, valid, and GiST indexed.

create extension if not exists postgis;
create extension if not exists btree_gist;
create extension if not exists pg_trgm;

-- core ---------------------------------------------------------------------------------------------------------------

-- Audit, live feed and history in one: written in the transaction of the change itself.
create table event (
    id bigint generated always as identity constraint pk_event primary key,
    at timestamptz not null default clock_timestamp(),
    actor text not null,
    kind text not null,
    subject text not null,
    community text,
    grid text,
    facts jsonb not null default '{}'
);
create index ix_event_subject on event (subject, id);

-- What a repeated write is answered with: the key comes from the device, the answer from the first time.
create table idempotency (
    actor text not null,
    key text not null,
    body_hash bytea not null,
    status integer not null,
    answer jsonb not null,
    made_at timestamptz not null default now(),
    constraint pk_idempotency primary key (actor, key)
);
create index ix_idempotency_made_at on idempotency (made_at);

-- access -------------------------------------------------------------------------------------------------------------

create table account (
    id bigint generated always as identity constraint pk_account primary key,
    username text not null constraint uq_account_username unique,
    role text not null,
    password_hash text,
    created_at timestamptz not null default now(),
    disabled_at timestamptz,
    constraint ck_account_role check (role in
        ('admin', 'planner', 'dispatcher', 'intake', 'supervisor', 'department', 'worker', 'viewer'))
);

-- A secret somebody holds: an API token or the cookie of a sign-in. Only its SHA-256 is kept.
create table credential (
    hash bytea constraint pk_credential primary key,
    account bigint not null constraint fk_credential_account references account (id) on delete cascade,
    kind text not null,
    label text not null default '',
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint ck_credential_kind check (kind in ('token', 'session'))
);
create index ix_credential_account on credential (account);

-- territory ----------------------------------------------------------------------------------------------------------

create table division (
    code text constraint pk_division primary key,
    name text not null,
    level text not null,
    parent text constraint fk_division_parent references division (code),
    geometry geometry(MultiPolygon, 4326),
    constraint ck_division_code check (code ~ '^[0-9]{12}$'),
    constraint ck_division_level check (level in ('province', 'city', 'county', 'street')),
    constraint ck_division_geometry check (st_isvalid(geometry))
);
create index ix_division_geometry on division using gist (geometry);

create table community (
    code text constraint pk_community primary key,
    street text constraint fk_community_street references division (code),
    constraint ck_community_code check (code ~ '^[0-9]{12}$')
);
create index ix_community_street on community (street);

create table community_version (
    community text not null constraint fk_community_version_community references community (code),
    version integer not null,
    name text not null,
    valid tstzrange not null,
    area_m2 double precision not null,
    geometry geometry(MultiPolygon, 4326) not null,
    constraint pk_community_version primary key (community, version),
    constraint ck_community_version_valid check (not isempty(valid) and lower_inc(valid) and not upper_inc(valid)),
    constraint ck_community_version_geometry check (st_isvalid(geometry)),
    constraint ex_community_version_valid exclude using gist (community with =, valid with &&)
);
create index ix_community_version_geometry on community_version using gist (geometry);

create table grid (
    code text constraint pk_grid primary key,
    community text not null generated always as (left(code, 12)) stored
        constraint fk_grid_community references community (code),
    constraint ck_grid_code check (code ~ '^[0-9]{15}$')
);
create index ix_grid_community on grid (community);

create table grid_version (
    grid text not null constraint fk_grid_version_grid references grid (code),
    version integer not null,
    name text not null,
    kind text not null,
    valid tstzrange not null,
    area_m2 double precision not null,
    geometry geometry(Polygon, 4326) not null,
    constraint pk_grid_version primary key (grid, version),
    constraint ck_grid_version_kind check (kind in ('residential', 'dedicated')),
    constraint ck_grid_version_valid check (not isempty(valid) and lower_inc(valid) and not upper_inc(valid)),
    constraint ck_grid_version_geometry check (st_isvalid(geometry)),
    constraint ex_grid_version_valid exclude using gist (grid with =, valid with &&)
);
create index ix_grid_version_geometry on grid_version using gist (geometry);

create table building (
    code text constraint pk_building primary key,
    name text,
    number text,
    address text,
    use text not null default 'unknown',
    levels integer,
    households integer,
    households_source text,
    inhabitants integer,
    grid text constraint fk_building_grid references grid (code),
    geometry geometry(MultiPolygon, 4326) not null,
    point geometry(Point, 4326) not null generated always as (st_pointonsurface(geometry)) stored,
    constraint ck_building_levels check (levels between 0 and 200),
    constraint ck_building_households check (households >= 0),
    constraint ck_building_inhabitants check (inhabitants >= 0),
    constraint ck_building_households_source check (households_source in ('estimated', 'counted')),
    constraint ck_building_geometry check (st_isvalid(geometry))
);
create index ix_building_geometry on building using gist (geometry);
create index ix_building_point on building using gist (point);
create index ix_building_grid on building (grid, code);

create table street (
    code text constraint pk_street primary key,
    name text,
    name_en text,
    kind text not null,
    bridge boolean not null default false,
    tunnel boolean not null default false,
    layer integer not null default 0,
    oneway boolean not null default false,
    foot text,
    length_m double precision not null,
    geometry geometry(MultiLineString, 4326) not null,
    constraint ck_street_geometry check (st_isvalid(geometry))
);
create index ix_street_geometry on street using gist (geometry);

create table asset (
    code text constraint pk_asset primary key,
    class text not null,
    name text,
    state text not null default 'intact',
    grid text constraint fk_asset_grid references grid (code),
    geometry geometry(Point, 4326) not null,
    constraint ck_asset_state check (state in ('intact', 'broken', 'missing', 'abandoned', 'removed'))
);
create index ix_asset_geometry on asset using gist (geometry);
create index ix_asset_grid on asset (grid, code);

-- workforce ----------------------------------------------------------------------------------------------------------

create table worker (
    code text constraint pk_worker primary key,
    name text not null,
    phone text,
    department text,
    account bigint constraint uq_worker_account unique constraint fk_worker_account references account (id)
);

create table post (
    id bigint generated always as identity constraint pk_post primary key,
    grid text not null constraint fk_post_grid references grid (code),
    worker text not null constraint fk_post_worker references worker (code),
    role text not null,
    valid tstzrange not null,
    constraint ck_post_role check (role in ('responsible', 'assistant', 'backup')),
    constraint ck_post_valid check (not isempty(valid) and lower_inc(valid) and not upper_inc(valid)),
    -- At most one responsible worker on a grid at any moment, and nobody twice in the same role.
    constraint ex_post_responsible exclude using gist (grid with =, valid with &&) where (role = 'responsible'),
    constraint ex_post_same exclude using gist (grid with =, worker with =, role with =, valid with &&)
);
create index ix_post_worker on post (worker);

-- patrol -------------------------------------------------------------------------------------------------------------

create table route (
    id text constraint pk_route primary key,
    name text not null,
    grid text not null constraint fk_route_grid references grid (code),
    worker text constraint fk_route_worker references worker (code),
    length_m double precision not null,
    geometry geometry(MultiLineString, 4326) not null,
    constraint ck_route_geometry check (st_isvalid(geometry))
);
create index ix_route_geometry on route using gist (geometry);
create index ix_route_grid on route (grid);

create table checkpoint (
    route text not null constraint fk_checkpoint_route references route (id) on delete cascade,
    position integer not null,
    name text not null,
    geometry geometry(Point, 4326) not null,
    constraint pk_checkpoint primary key (route, position)
);
create index ix_checkpoint_geometry on checkpoint using gist (geometry);

-- incidents ----------------------------------------------------------------------------------------------------------

-- Versioned, never deleted: an incident pins the version it was filed under.
create table catalogue (
    version text constraint pk_catalogue primary key,
    scheme text not null,
    imported_at timestamptz not null default now(),
    current boolean not null default false
);
create unique index uq_catalogue_current on catalogue (current) where current;

create table catalogue_class (
    version text not null constraint fk_catalogue_class_version references catalogue (version),
    class text not null,
    kind text not null,
    name text not null,
    name_en text not null,
    constraint pk_catalogue_class primary key (version, class),
    constraint ck_catalogue_class_kind check (kind in ('asset', 'matter'))
);

create table catalogue_condition (
    version text not null,
    class text not null,
    code text not null,
    text text not null,
    text_en text not null,
    closing text not null,
    limit_count integer not null,
    limit_unit text not null,
    department text not null,
    constraint pk_catalogue_condition primary key (version, class, code),
    constraint fk_catalogue_condition_class foreign key (version, class) references catalogue_class (version, class),
    constraint ck_catalogue_condition_limit check (limit_count > 0),
    constraint ck_catalogue_condition_unit check
        (limit_unit in ('urgent_hour', 'urgent_day', 'working_hour', 'working_day'))
);

-- The last number given on a day; its row lock is what makes numbers unique under load.
create table incident_day (
    day date constraint pk_incident_day primary key,
    last integer not null
);

create table incident (
    id bigint generated always as identity constraint pk_incident primary key,
    number text not null constraint uq_incident_number unique,
    catalogue text not null,
    class text not null,
    condition text not null,
    status text not null,
    source text not null,
    text text not null default '',
    accuracy_m double precision,
    -- The first owner, pinned: which cell, in which version, by which rule, and who answered for it then.
    rule text not null,
    community text constraint fk_incident_community references community (code),
    grid text,
    grid_version integer,
    queue text,
    responsible text constraint fk_incident_responsible references worker (code),
    assignee text constraint fk_incident_assignee references worker (code),
    department text,
    reported_at timestamptz not null,
    due_at timestamptz,
    closed_at timestamptz,
    geometry geometry(Point, 4326) not null,
    constraint fk_incident_condition foreign key (catalogue, class, condition)
        references catalogue_condition (version, class, code),
    constraint fk_incident_grid foreign key (grid, grid_version) references grid_version (grid, version),
    constraint ck_incident_status check
        (status in ('reported', 'filed', 'dispatched', 'handling', 'feedback', 'closed', 'rejected')),
    constraint ck_incident_closed check ((status in ('closed', 'rejected')) = (closed_at is not null)),
    constraint ck_incident_source check
        (source in ('worker', 'dispatcher', 'hotline', 'public', 'open311', 'patrol')),
    constraint ck_incident_rule check (rule in ('inside', 'border', 'community', 'fallback')),
    constraint ck_incident_owner check ((grid is null) = (grid_version is null) and (community is null) = (queue is not null)),
    constraint ck_incident_accuracy check (accuracy_m >= 0)
);
create index ix_incident_geometry on incident using gist (geometry);
create index ix_incident_grid on incident (grid, id) where closed_at is null;
create index ix_incident_reported_at on incident (reported_at);
create index ix_incident_condition on incident (catalogue, class, condition);
