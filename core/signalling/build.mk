# core/signalling: sources of this room
