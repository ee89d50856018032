-- Why an incident is sent back (回退) is a code of a short list, gridsvc/incidents/reasons.py; older lines have words alone.
alter table incident_step add column code text;

alter table incident drop constraint ck_incident_source;
alter table incident add constraint ck_incident_source check
    (source in ('worker', 'dispatcher', 'hotline', 'public', 'open311', 'patrol', 'asset'));
