# drivers-glue: sources of this room
