package webhook

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
	"time"
)

// RememberReplays returns a [ReplayGuard] in this process's memory, with room for so
// many messages at once; 0 or less means the default, 2,097,152. A message takes its
// room for Options.Tolerance and a second, and as much longer as its timestamp is in the
// future.
//
// Memory grows with what is remembered, by 30 to 60 bytes a message and about 150 for
// each tenant with messages, and is given back after a burst: a full guard of the
// default size takes about 100 MB, and one at 200 messages a second 4 MB.
//
// One tenant may take three times what is left, which is at most three quarters of the
// room. Tenants that send little are served beside any number of busy ones, until the
// room is nearly used up. Beyond that Claim returns ErrUnavailable, which is answered
// with 503: nothing is forgotten before its time. With the defaults that begins at 5,200
// messages a second of one tenant, or 6,900 of all, for five minutes. At such rates, or
// with a longer tolerance, pass a larger room: the messages a second of the busiest
// tenant, times the tolerance in seconds, times 4/3.
func RememberReplays(room int) ReplayGuard {
	if room <= 0 {
		room = defaultRoom
	}
	m := &memory{began: time.Now(), tenants: newShares(room), shards: make([]shard, max(1, min(room/shardRoom, maxShards)))}
	_, _ = rand.Read(m.secret[:]) // it never fails
	for i := range m.shards {
		m.shards[i].claims = map[fingerprint]claim{}
	}
	return m
}

const (
	defaultRoom = 1 << 21
	shardRoom   = 1 << 16 // looking through so many claims takes about a millisecond
	maxShards   = 256

	// How often a shard is searched for claims that are over: they take room until
	// then. It costs less than 1 % of a core, and 1 % to 2 % where room is short.
	sweepEvery = 10 * time.Second
	sweepShort = time.Second
)

// memory is claims in shards, so that neither a lock nor a search of one is held for
// long. How much of the room each tenant has is counted over all shards.
type memory struct {
	secret  [sha256.Size]byte
	began   time.Time
	tenants *shares
	shards  []shard
}

// fingerprint is half of the hash of a message's key. The hash begins with a secret of
// the process: nobody can look for two keys with one fingerprint.
type fingerprint [sha256.Size / 2]byte

// claim is small, and has no pointer that the garbage collector would follow.
type claim struct {
	until  uint32 // seconds after memory.began
	tenant uint32 // its number
}

// shard is the claims whose fingerprints begin alike.
type shard struct {
	mu     sync.Mutex
	claims map[fingerprint]claim
	most   int           // claims since the map was made
	swept  time.Duration // after memory.began
}

func (m *memory) Claim(_ context.Context, k ReplayKey, hold time.Duration) error {
	f, now := m.fingerprint(k), time.Since(m.began)
	s := m.shard(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	m.sweep(s, now)
	held, known := s.claims[f]
	switch {
	case known && !held.over(now):
		return ErrReplay
	case known: // over, and not removed yet: it is of the same tenant
		s.claims[f] = claim{end(now, hold), held.tenant}
		return nil
	}
	tenant, err := m.tenants.take(k.Tenant)
	if err != nil {
		return err
	}
	s.claims[f] = claim{end(now, hold), tenant}
	s.most = max(s.most, len(s.claims))
	return nil
}

func (m *memory) Release(_ context.Context, k ReplayKey) error {
	f := m.fingerprint(k)
	s := m.shard(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	if held, known := s.claims[f]; known {
		delete(s.claims, f)
		m.tenants.giveBack(held.tenant)
	}
	return nil
}

func (m *memory) fingerprint(k ReplayKey) (f fingerprint) {
	var room [usualPrefix + sha256.Size]byte // no allocation for a usual key
	text := append(room[:0], m.secret[:]...)
	for _, part := range []string{k.Tenant, "/", k.Timestamp, "/", k.ID} {
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	copy(f[:], sum[:])
	return f
}

func (m *memory) shard(f fingerprint) *shard {
	return &m.shards[binary.LittleEndian.Uint64(f[:])%uint64(len(m.shards))]
}

// sweep removes a shard's claims that are over. Its caller holds s.mu.
func (m *memory) sweep(s *shard, now time.Duration) {
	every := sweepEvery
	if m.tenants.short() {
		every = sweepShort
	}
	if now-s.swept < every {
		return
	}
	s.swept = now
	for f, c := range s.claims {
		if c.over(now) {
			delete(s.claims, f)
			m.tenants.giveBack(c.tenant)
		}
	}
	s.shrink()
}

// shrink gives memory back: a map never does by itself.
func (s *shard) shrink() {
	if len(s.claims) > s.most/4 {
		return
	}
	fewer := make(map[fingerprint]claim, len(s.claims))
	for f, c := range s.claims {
		fewer[f] = c
	}
	s.claims, s.most = fewer, len(fewer)
}

func (c claim) over(now time.Duration) bool { return now > time.Duration(c.until)*time.Second }

// end is the end of a claim, at most a second later than asked for. It does not
// overflow, whatever is asked for.
func end(now, hold time.Duration) uint32 {
	return uint32(min(math.Ceil(now.Seconds()+max(0, hold.Seconds())), math.MaxUint32))
}
