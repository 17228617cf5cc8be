package rotation

import (
	"fmt"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// Outcome is what a call came to.
type Outcome int

const (
	// Done means that this call wrote a version.
	Done Outcome = iota + 1

	// AlreadyDone means that the secret is as it should be, by another process or an earlier call.
	AlreadyDone

	// TooYoung means that the newest key is younger than [RotateOptions].OlderThan.
	TooYoung

	// Planned means that the version would have been written, but for DryRun.
	Planned
)

// String returns "done", "already done", "too young" or "planned".
func (o Outcome) String() string {
	names := [...]string{Done: "done", AlreadyDone: "already done", TooYoung: "too young", Planned: "planned"}
	if o < Done || int(o) >= len(names) {
		return fmt.Sprintf("Outcome(%d)", int(o))
	}
	return names[o]
}

// Result is what a call found or left.
type Result struct {
	Outcome   Outcome
	VersionID string // the current version's; after a dry run the one before the plan
	Keys      []Key  // those that are live, the newest first

	// ClockUnchecked is true where the server did not say what time it is, so that this
	// process's clock was trusted.
	ClockUnchecked bool
}

// Key is a key without its material.
type Key struct {
	KID       string    // the id of the version in which it first appeared
	CreatedAt time.Time // zero: not known
	SignAfter time.Time // it is not signed with before; zero: at once
	NotAfter  time.Time // it is not accepted from then on; zero: no end
	Revoked   bool      // it is never accepted
}

func keysOf(keys []document.Key) []Key {
	of := make([]Key, len(keys))
	for i, k := range keys {
		of[i] = Key{KID: k.KID, CreatedAt: k.CreatedAt, SignAfter: k.SignAfter, NotAfter: k.NotAfter}
	}
	return of
}
