-- Sessions that were revoked stay revoked: nobody could tell which of them the application had revoked.
select null;
