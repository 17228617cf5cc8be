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

// NewMemoryReplayGuard returns a [ReplayGuard] that remembers up to capacity messages in
// this process's memory. A capacity of 0 means the default, 2,097,152. If it is negative,
// [New] returns ErrInvalidOption. A message counts against the capacity for
// Options.Tolerance and one second, and for as much longer as its timestamp lies in the
// future. The guard is safe for concurrent use, and its methods never block for long.
//
// Memory grows with the number of remembered messages: 30 to 60 bytes for each message and
// about 150 for each tenant with messages. It is freed after a burst. A full guard of the
// default capacity takes about 100 MB, one at 200 messages a second 4 MB.
//
// One tenant can use three times as much as is free, so at most three quarters of the
// capacity. Tenants with few messages are accepted beside any number of busy ones until
// nearly all of the capacity is in use. Beyond that Claim returns ErrUnavailable, which is
// answered with 503: no message is forgotten early. With the defaults this happens at 5,200
// messages a second of one tenant, or 6,900 of all tenants, for five minutes. At such
// rates, or with a longer tolerance, pass a larger capacity: the messages a second of the
// busiest tenant, times the tolerance in seconds, times 4/3.
func NewMemoryReplayGuard(capacity int) ReplayGuard {
	if capacity == 0 {
		capacity = defaultCapacity
	}
	capacity = min(capacity, maxCapacity)
	m := &memoryGuard{
		began:   time.Now(),
		tenants: newShares(capacity),
		shards:  make([]shard, max(1, min(capacity/shardCapacity, maxShards))),
	}
	_, _ = rand.Read(m.secret[:]) // never returns an error
	for i := range m.shards {
		m.shards[i].claims = map[fingerprint]storedClaim{}
	}
	return m
}

const (
	defaultCapacity = 1 << 21
	maxCapacity     = math.MaxInt / shareOfFree // shares multiplies by it
	shardCapacity   = 1 << 16                   // sweeping so many claims takes about a millisecond
	maxShards       = 256

	// sweepEvery is the time between two sweeps of a shard. Ended claims take space until
	// then. Sweeping costs less than 1 % of a core, and 1 % to 2 % if little space is left.
	sweepEvery      = 10 * time.Second
	sweepEveryShort = time.Second
)

// memoryGuard stores claims in shards, so that no lock is held for long. The capacity that
// each tenant uses is counted over all shards.
type memoryGuard struct {
	secret  [sha256.Size]byte
	began   time.Time
	tenants *shares
	shards  []shard
}

// invalid reports whether the guard was made with a negative capacity. Such a guard
// refuses every message as a full one does.
func (m *memoryGuard) invalid() bool { return m.tenants.capacity < 0 }

// fingerprint is half of the hash of a message's key. A random secret of the process is
// hashed first, so that nobody can search for two keys with the same fingerprint.
type fingerprint [sha256.Size / 2]byte

// storedClaim is small and contains no pointer, so the garbage collector skips it.
type storedClaim struct {
	until  uint32 // seconds after memoryGuard.began
	tenant uint32 // the tenant's number in shares
}

// shard has the claims of one range of fingerprints.
type shard struct {
	mu     sync.Mutex
	claims map[fingerprint]storedClaim
	most   int           // the largest number of claims since the map was made
	swept  time.Duration // after memoryGuard.began
}

func (m *memoryGuard) Claim(_ context.Context, k ReplayKey, hold time.Duration) error {
	f, now := m.fingerprint(k), time.Since(m.began)
	s := m.shard(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	m.sweep(s, now)
	stored, known := s.claims[f]
	switch {
	case known && !stored.ended(now):
		return ErrReplay
	case known: // it has ended and is not swept yet; the tenant is the same
		s.claims[f] = storedClaim{endOf(now, hold), stored.tenant}
		return nil
	}
	tenant, err := m.tenants.take(k.Tenant)
	if err != nil {
		return err
	}
	s.claims[f] = storedClaim{endOf(now, hold), tenant}
	s.most = max(s.most, len(s.claims))
	return nil
}

func (m *memoryGuard) Release(_ context.Context, k ReplayKey) error {
	f := m.fingerprint(k)
	s := m.shard(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored, known := s.claims[f]; known {
		delete(s.claims, f)
		m.tenants.giveBack(stored.tenant)
	}
	return nil
}

func (m *memoryGuard) fingerprint(k ReplayKey) (f fingerprint) {
	var buffer [160]byte // on the stack; a longer text is copied to the heap
	text := append(buffer[:0], m.secret[:]...)
	for _, part := range []string{k.Tenant, "/", k.Timestamp, "/", k.ID} {
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	copy(f[:], sum[:])
	return f
}

func (m *memoryGuard) shard(f fingerprint) *shard {
	return &m.shards[binary.LittleEndian.Uint64(f[:])%uint64(len(m.shards))]
}

// sweep removes the shard's ended claims, if it is time to. The caller has locked s.mu.
func (m *memoryGuard) sweep(s *shard, now time.Duration) {
	every := sweepEvery
	if m.tenants.short() {
		every = sweepEveryShort
	}
	if now-s.swept < every {
		return
	}
	s.swept = now
	for f, c := range s.claims {
		if c.ended(now) {
			delete(s.claims, f)
			m.tenants.giveBack(c.tenant)
		}
	}
	s.shrink()
}

// shrink copies the claims to a smaller map after a burst, because a map never frees
// memory.
func (s *shard) shrink() {
	if len(s.claims) > s.most/4 {
		return
	}
	smaller := make(map[fingerprint]storedClaim, len(s.claims))
	for f, c := range s.claims {
		smaller[f] = c
	}
	s.claims, s.most = smaller, len(smaller)
}

func (c storedClaim) ended(now time.Duration) bool {
	return now > time.Duration(c.until)*time.Second
}

// endOf returns the end of a claim, rounded up to a second. It does not overflow.
func endOf(now, hold time.Duration) uint32 {
	return uint32(min(math.Ceil(now.Seconds()+max(0, hold.Seconds())), math.MaxUint32))
}
