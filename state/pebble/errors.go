package pebble

import "errors"

var (
	// ErrLocked means that another worker, in this process or another, has the
	// folder open. Give each worker of a machine a state folder of its own, or
	// wait until the other has ended.
	ErrLocked = errors.New("another worker uses this folder: give each worker its own state folder")

	// ErrUnreadable means that the folder holds no database that can be read: it
	// is damaged, or was written by a newer version. Delete the folder; the
	// stores are then restored from their changelogs.
	ErrUnreadable = errors.New("the database is damaged or of a newer version: delete the folder to restore the stores from their changelogs")
)
