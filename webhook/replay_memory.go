package webhook

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// RememberReplays returns a [ReplayGuard] in this process's memory, with room for
// that many messages, each of which takes about 200 bytes; 0 or less: 65,536. A
// message leaves when its time is over. While there is no room, or where one tenant
// has taken a quarter of it, Claim fails with ErrUnavailable: nothing is forgotten
// before its time, and no tenant takes the room of all others.
func RememberReplays(room int) ReplayGuard {
	if room <= 0 {
		room = defaultRoom
	}
	return &memory{
		room:      room,
		perTenant: max(1, room/4),
		held:      map[[sha256.Size]byte]*claim{},
		tenants:   map[string]int{},
	}
}

const defaultRoom = 1 << 16

// memory finds claims by the hash of their key, which has one size, and the
// first to expire by a heap.
type memory struct {
	room, perTenant int

	mu      sync.Mutex
	held    map[[sha256.Size]byte]*claim
	tenants map[string]int // how many of held are of each
	expiry  expiry
}

type claim struct {
	key    [sha256.Size]byte
	tenant string
	until  time.Time
	index  int // in expiry
}

func (m *memory) Claim(_ context.Context, k ReplayKey, hold time.Duration) error {
	key, now := sha256.Sum256([]byte(k.String())), time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.expiry) > 0 && now.After(m.expiry[0].until) {
		m.drop(m.expiry[0])
	}
	switch {
	case m.held[key] != nil:
		return ErrReplay
	case len(m.held) >= m.room:
		return fmt.Errorf("%w: the replay guard has no room left", tenantsecrets.ErrUnavailable)
	case m.tenants[k.Tenant] >= m.perTenant:
		return fmt.Errorf("%w: the tenant has taken its share of the replay guard", tenantsecrets.ErrUnavailable)
	}
	tenant := strings.Clone(k.Tenant) // it may be a part of a whole request line
	c := &claim{key: key, tenant: tenant, until: now.Add(hold)}
	m.held[key] = c
	m.tenants[tenant]++
	heap.Push(&m.expiry, c)
	return nil
}

func (m *memory) Release(_ context.Context, k ReplayKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.held[sha256.Sum256([]byte(k.String()))]; c != nil {
		m.drop(c)
	}
	return nil
}

// drop's caller holds m.mu.
func (m *memory) drop(c *claim) {
	heap.Remove(&m.expiry, c.index)
	delete(m.held, c.key)
	m.tenants[c.tenant]--
	if m.tenants[c.tenant] == 0 {
		delete(m.tenants, c.tenant)
	}
}

// expiry is a heap of claims, the first to expire at the top.
type expiry []*claim

func (x expiry) Len() int           { return len(x) }
func (x expiry) Less(i, j int) bool { return x[i].until.Before(x[j].until) }

func (x expiry) Swap(i, j int) {
	x[i], x[j] = x[j], x[i]
	x[i].index, x[j].index = i, j
}

func (x *expiry) Push(c any) {
	c.(*claim).index = len(*x)
	*x = append(*x, c.(*claim))
}

func (x *expiry) Pop() any {
	last := len(*x) - 1
	c := (*x)[last]
	(*x)[last] = nil
	*x = (*x)[:last]
	return c
}
