-- The views of lists that an administrator saved in the panel: a JSON array of objects with `list`, `name` and `query`.
ALTER TABLE panel_preferences ADD COLUMN views TEXT;
