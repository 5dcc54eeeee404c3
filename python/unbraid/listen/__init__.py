"""`unbraid listen`: a local page with live faders, and the reports and players that show the same."""
