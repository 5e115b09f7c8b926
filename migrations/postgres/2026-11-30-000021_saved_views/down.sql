ALTER TABLE panel_preferences DROP COLUMN views;
