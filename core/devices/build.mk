# core/devices: sources of this room
