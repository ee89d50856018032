-- What somebody left to be called back about an incident, sealed with the office's key and bound to its row. It is
-- overwritten when its date has come; the row stays, to say that there was one.
create table incident_contact (
    incident bigint constraint pk_incident_contact primary key
        constraint fk_incident_contact_incident references incident (id),
    sealed bytea,
    deleted_at timestamptz,
    constraint ck_incident_contact_deleted check ((sealed is null) = (deleted_at is not null))
);
create index ix_incident_contact_kept on incident_contact (incident) where deleted_at is null;
