# plugins: sources of this room
