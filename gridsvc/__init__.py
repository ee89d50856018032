"""Community grid management (网格化): places, work and events; never dossiers on people."""
