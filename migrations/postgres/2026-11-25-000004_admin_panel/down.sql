DROP TABLE otp_deliveries;
DROP TABLE jobs;
DROP TABLE audit_events;
DROP TABLE set_up_links;
DROP TABLE panel_preferences;
DROP TABLE browser_sessions;
