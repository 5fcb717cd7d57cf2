# core/box: sources of this room
