"""Pages of campaigns and workflows."""
