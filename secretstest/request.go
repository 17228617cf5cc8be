package secretstest

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// request is one operation in progress, with the backend locked.
type request struct {
	arrival
	backend *Backend
	vault   *vault // of the secret that the call is about; the caller's own, if about none
	now     time.Time
	asOf    time.Time                             // the moment a read sees; now, unless a fault makes it stale
	then    func(context.Context, *Backend) error // happens once the backend is unlocked, and may end the call; nil: nothing
}

// view finds the secret a read sees, scheduled for deletion or not.
func (r *request) view(id *string) (*secret, error) {
	return r.find(id, r.seen)
}

// seen is the state of a name that a read sees.
func (r *request) seen(t *timeline) *secret {
	if r.plan.staleBy > 0 {
		return t.at(r.asOf)
	}
	return t.latest(r.now)
}

// latest finds the secret a write changes, scheduled for deletion or not.
func (r *request) latest(id *string) (*secret, error) {
	return r.find(id, func(t *timeline) *secret { return t.latest(r.now) })
}

// writable is latest for operations that a scheduled deletion forbids.
func (r *request) writable(id *string) (*secret, error) {
	s, err := r.latest(id)
	if err != nil {
		return nil, err
	}
	return s, s.usable()
}

func (r *request) find(id *string, state func(*timeline) *secret) (*secret, error) {
	ident := r.vault.identify(aws.ToString(id))
	t := r.vault.timelines[ident.name]
	if t == nil {
		return nil, secretNotFound()
	}
	s := state(t)
	if s == nil || !ident.matches(s) {
		return nil, secretNotFound()
	}
	return s, nil
}

// publish makes s the latest state of its name.
func (r *request) publish(s *secret) {
	t := r.vault.timelines[s.name]
	if t == nil {
		t = &timeline{}
		r.vault.add(s.name, t)
	}
	t.record(r.now, s)
}

// newVersion makes a version of s, without labels.
func (r *request) newVersion(s *secret, id string, val value) *version {
	return &version{id: id, serial: r.vault.next(), created: r.date(), value: val, kmsKeyID: s.kmsKeyID}
}

// date is now as the service keeps it: UTC, to the millisecond.
func (r *request) date() time.Time {
	return r.now.UTC().Truncate(time.Millisecond)
}
