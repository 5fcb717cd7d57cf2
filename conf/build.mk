# conf: sources of this room
