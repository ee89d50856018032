"""A report comes in: what lies nearby, who has it first and why, and the incident that is made of it."""
