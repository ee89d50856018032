"""What is held on people, for how long and why: retention, subject access, erasure, and the sheet that tells of it.

It lies above the domains, because it looks into the tables of all of them, and no domain needs to know of it.
"""
