"""A long run at speed on looped clips, with broken connections: does memory grow, is anything left behind?"""
