# core/media: sources of this room
