# core/video: sources of this room
