-- A password that somebody else has chosen is for the first sign-in alone, and only until then.
alter table account add column first_password_until timestamptz;
