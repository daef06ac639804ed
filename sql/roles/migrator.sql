-- migrator: for the logins that run chatschema: migrate, maintain, partition, hold, roles.
-- Why: the logins of people and jobs come and go; the owner of the tables stays.
create role {migrator} nologin;
grant {owner} to {migrator};
