package secretstest

import (
	"bytes"
	"slices"
	"time"
)

// Limits on what a secret holds.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const (
	maxLabels   = 20
	maxTags     = 50
	maxVersions = 100 // unlabelled versions beyond it go once they are a day old
	versionLife = 24 * time.Hour
)

// secret is one state of a secret. A published state never changes: a write
// edits a copy and publishes that.
type secret struct {
	name, arn   string
	serial      uint64 // orders secrets by creation within a date
	description string
	kmsKeyID    string // empty: aws/secretsmanager
	policy      string // the resource policy; empty: none
	tags        []tag  // nil until the secret is first tagged
	created     time.Time
	changed     time.Time
	accessed    time.Time  // the day; zero: never
	deletion    time.Time  // end of the recovery window; zero: not scheduled
	rotation    *rotation  // nil: never set up
	versions    []*version // in order of creation
	pruned      []string   // ids of the versions that were too many
}

type tag struct{ key, value string }

// version is one version of a secret, as immutable as the secret's states.
type version struct {
	id       string
	serial   uint64
	created  time.Time
	accessed time.Time // the day; zero: never
	value    value
	kmsKeyID string   // the key that encrypts the value
	stages   []string // sorted, as the service answers them

	announced bool     // a rotation made it
	put       []string // the labels that the PutSecretValue that wrote it answered
}

// value is a secret value: one of text and bytes, or neither in a version that
// a rotation has announced but not yet filled.
type value struct {
	text   *string
	binary []byte
}

func newValue(text *string, binary []byte) value {
	if text != nil {
		copied := *text
		text = &copied
	}
	return value{text: text, binary: bytes.Clone(binary)}
}

func (v value) empty() bool { return v.text == nil && v.binary == nil }

func (v value) equal(w value) bool {
	if (v.text == nil) != (w.text == nil) || (v.binary == nil) != (w.binary == nil) {
		return false
	}
	return (v.text == nil || *v.text == *w.text) && bytes.Equal(v.binary, w.binary)
}

// existing returns s if the secret is there at now, and nil once its recovery
// window has ended. The service deletes some time after the window; here it is
// the moment it ends.
func (s *secret) existing(now time.Time) *secret {
	if s == nil || s.scheduled() && !now.Before(s.deletion) {
		return nil
	}
	return s
}

func (s *secret) scheduled() bool { return !s.deletion.IsZero() }

// usable refuses a secret that is scheduled for deletion.
func (s *secret) usable() error {
	if s.scheduled() {
		return markedForDeletion()
	}
	return nil
}

// edit returns a copy to change and publish.
func (s *secret) edit(changed time.Time) *secret {
	edited := *s
	edited.versions = slices.Clone(s.versions)
	edited.changed = changed
	return &edited
}

// find returns the version of an id, or nil.
func (s *secret) find(id string) *version {
	if i := s.index(id); i >= 0 {
		return s.versions[i]
	}
	return nil
}

func (s *secret) index(id string) int {
	return slices.IndexFunc(s.versions, func(v *version) bool { return v.id == id })
}

// prune drops the oldest unlabelled versions beyond the limit, except young ones.
func (s *secret) prune(now time.Time) {
	excess := len(s.versions) - maxVersions
	s.versions = slices.DeleteFunc(s.versions, func(v *version) bool {
		drop := excess > 0 && len(v.stages) == 0 && now.Sub(v.created) >= versionLife
		if drop {
			excess--
			s.pruned = append(slices.Clip(s.pruned), v.id)
		}
		return drop
	})
}

// touched returns s with the day of the last access set on it and on a version,
// or s itself when that day is already set.
func (s *secret) touched(id string, now time.Time) *secret {
	day := now.UTC().Truncate(24 * time.Hour)
	i := s.index(id)
	if s.accessed.Equal(day) && (i < 0 || s.versions[i].accessed.Equal(day)) {
		return s
	}
	t := s.edit(s.changed)
	t.accessed = day
	if i >= 0 {
		v := *t.versions[i]
		v.accessed = day
		t.versions[i] = &v
	}
	return t
}
