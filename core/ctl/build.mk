# core/ctl: sources of this room
