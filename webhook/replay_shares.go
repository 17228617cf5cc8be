package webhook

import (
	"strings"
	"sync"
)

// shares counts how much of a guard's capacity each tenant uses. A tenant may add a message
// while it has less than shareOfFree times what is free. So a single tenant gets three
// quarters, two tenants get three sevenths each, and some capacity is always left for
// another tenant. Switches share memory between their ports by the same rule (Choudhury and
// Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998).
type shares struct {
	capacity int

	mu      sync.Mutex
	used    int
	numbers map[string]uint32 // by tenant, for those with messages
	tenants []share           // by number
	unused  []uint32          // numbers
}

type share struct {
	tenant string
	used   int
}

const shareOfFree = 3

func newShares(capacity int) *shares {
	return &shares{capacity: capacity, numbers: map[string]uint32{}}
}

// errGuardFull tells the operator what to do, because only this process can be changed.
var errGuardFull = &guardError{why: "the replay guard has no capacity left for this tenant's messages: pass a larger capacity to NewMemoryReplayGuard"}

// take counts one message, and returns the tenant's number for giveBack.
func (s *shares) take(tenant string) (number uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, known := s.numbers[tenant]
	used := 0
	if known {
		used = s.tenants[number].used
	}
	if used >= shareOfFree*(s.capacity-s.used) {
		return 0, errGuardFull
	}
	if !known {
		number = s.add(strings.Clone(tenant)) // tenant may be a part of a long request line
	}
	s.tenants[number].used++
	s.used++
	return number, nil
}

func (s *shares) add(tenant string) (number uint32) {
	if last := len(s.unused) - 1; last >= 0 {
		number, s.unused = s.unused[last], s.unused[:last]
		s.tenants[number] = share{tenant: tenant}
	} else {
		number = uint32(len(s.tenants))
		s.tenants = append(s.tenants, share{tenant: tenant})
	}
	s.numbers[tenant] = number
	return number
}

// giveBack uncounts one message.
func (s *shares) giveBack(number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	tenant := &s.tenants[number]
	if tenant.used--; tenant.used > 0 {
		return
	}
	delete(s.numbers, tenant.tenant)
	tenant.tenant = ""
	s.unused = append(s.unused, number)
	if s.used == 0 { // free the memory of the busiest hour
		s.numbers, s.tenants, s.unused = map[string]uint32{}, nil, nil
	}
}

// short reports whether less than half of the capacity is free.
func (s *shares) short() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used > s.capacity/2
}
