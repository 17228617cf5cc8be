package cache

import (
	"context"
	"errors"
	"fmt"
)

// Class is what an error of a load says about the item.
type Class int

const (
	// Transient says nothing: the cached item stays, and a load is tried again.
	Transient Class = iota

	// Definitive says that the item must not be served: it is evicted.
	Definitive

	// NotFound is Definitive, and says that nothing is there.
	NotFound

	// Deleting is Definitive, and says that what is there is about to be deleted.
	Deleting
)

// ErrClosed is the error of every call after Close.
var ErrClosed = errors.New("the cache is closed")

// Error is a transient error that the cache itself has found.
type Error struct {
	Reason string
	Cause  error // may be nil
}

func (e *Error) Error() string { return e.Reason }

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// Stale is the error where an item is cached, but too old to be served.
type Stale struct{ Err error }

func (e *Stale) Error() string { return e.Err.Error() + "; the cached item is too old" }

// Unwrap returns Err.
func (e *Stale) Unwrap() error { return e.Err }

var (
	errTimedOut   = &Error{Reason: "the load did not end in time"}
	errNoSlot     = &Error{Reason: "MaxLoads loads are running, and none ended in time"}
	errBusy       = &Error{Reason: "there is no free slot for a load in the background"}
	errNoAnswer   = &Error{Reason: "no answer in time"}
	errNoResult   = &Error{Reason: "the load ended without an answer"}
	errSuperseded = &Error{Reason: "the secret was written while it was being read"}

	errTooManyUnknown = &Error{Reason: "too many unknown IDs are being looked up: raise Options.UnknownIDs, or name known ones with Options.Known or Prefetch"}
	errTooManyChecks  = &Error{Reason: "too many messages with a wrong signature are being checked"}
)

// NotInBatch is the error of a load whose batch did not bring it. It says nothing about
// the item: calls that have joined the load begin another.
type NotInBatch struct{ Err error } // of the batch

func (e *NotInBatch) Error() string { return "the batch did not bring it: " + e.Err.Error() }

// Unwrap returns Err.
func (e *NotInBatch) Unwrap() error { return e.Err }

func isNotInBatch(err error) bool {
	var missing *NotInBatch
	return errors.As(err, &missing)
}

func abandoned(ctx context.Context) error {
	return &Error{Reason: "the caller stopped waiting", Cause: ctx.Err()}
}

func panicked(p any) error {
	return &Error{Reason: fmt.Sprintf("a panic of type %T while loading", p)}
}
