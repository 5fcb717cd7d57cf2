# core/call: sources of this room
