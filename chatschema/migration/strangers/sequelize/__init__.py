"""The migrations of sequelize-cli: programs, which run on a scratch database while the SQL that they send is recorded."""
