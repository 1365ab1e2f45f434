"""Forms: how much may be drawn: charging profiles, schedules, what cars need, and the grid."""
