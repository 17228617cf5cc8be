package tenantsecrets

import (
	"sync/atomic"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/keyring"
)

// snapshot is what is held of a secret: one version of it, decoded. It is
// immutable, but that loads which find nothing new confirm it. What a hit reads
// stands first: among 100,000 secrets every cache line counts.
type snapshot struct {
	began  atomic.Int64  // clock reading, see clock, when the last load that confirmed it began
	early  time.Duration // the age from which on it is refreshed; 0: at once, or nothing is held
	path   string
	tenant inlineText
	seen   atomic.Bool  // by a call, since the sieve last looked
	keys   keyring.Ring // of an HMAC secret

	entry   *entry
	keyring Keyring // of keys
	hmacText
	value             any    // of the secret's kind
	current, previous string // version ids that were labelled so
	changed           int64  // LastChangedDate in microseconds; 0: unknown
	life              life
	datedKeys         bool // a key ends at a time that depends on changed
	lacksKeys         bool // the previous version was not read, or could not be found

	number atomic.Int64  // of the load that confirmed it, see entry.number; 0: it is a write of this process
	read   time.Duration // when the load that read its plaintext began; guarded by entry.mu
}

// newSnapshot returns one in which nothing is held yet.
func newSnapshot(e *entry) *snapshot {
	return &snapshot{entry: e, path: e.kind.path, tenant: inline(e.tenant)}
}

// hold makes it that of an HMAC secret.
func (s *snapshot) hold(newest document.Key, ring []document.Key, now func() time.Time) {
	for i := range ring {
		if ring[i].KID == s.current {
			ring[i].KID = s.current // one text instead of two
		}
	}
	s.keys.Set(ring, now)
	s.keyring = newKeyring(&s.keys)
	s.hmacText = hmacText{newest.Secret, newest.Encoding, newest.CreatedAt.UnixMicro()}
}

func (s *snapshot) is(tenant, path string) bool {
	return s.tenant.equals(tenant, s.entry) && s.path == path
}

// age at a clock reading. It is negative where the clock has gone back.
func (s *snapshot) age(now time.Duration) time.Duration { return now - time.Duration(s.began.Load()) }

// isFresh is the one question of a hit. A negative age is none to trust.
func (s *snapshot) isFresh(now time.Duration) bool { return uint64(s.age(now)) < uint64(s.early) }

// confirm notes a load that found what the snapshot says. Its caller holds the
// entry's mu.
func (s *snapshot) confirm(number int64, began, read time.Duration) {
	s.read = read
	s.number.Store(number)
	s.began.Store(int64(began))
}

// see marks it as used. It is read first: a line that is not written stays in
// every core's cache.
func (s *snapshot) see() {
	if !s.seen.Load() {
		s.seen.Store(true)
	}
}

// inlineText is a tenant id beside what a hit reads of it. One too long for it is
// compared in its entry.
type inlineText struct {
	length uint8 // 0: too long
	bytes  [27]byte
}

func inline(text string) (t inlineText) {
	if len(text) <= len(t.bytes) {
		t.length = uint8(copy(t.bytes[:], text))
	}
	return t
}

func (t *inlineText) equals(text string, e *entry) bool {
	if t.length == 0 {
		return e.tenant == text
	}
	return string(t.bytes[:t.length]) == text
}
