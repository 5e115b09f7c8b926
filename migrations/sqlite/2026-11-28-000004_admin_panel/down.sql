DROP TABLE jobs;
DROP TABLE set_up_links;
DROP TABLE panel_preferences;
DROP TABLE browser_sessions;
