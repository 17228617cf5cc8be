package webhook

import (
	"strings"
	"sync"
)

// shares is who has how much of a guard's room. A tenant may take a message more while it
// has less than shareOfFree times what is free. So a tenant alone gets three quarters,
// two get three sevenths each, and there is always some room for another one: the
// dynamic thresholds by which switches share memory between their ports (Choudhury and
// Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998).
type shares struct {
	room int

	mu     sync.Mutex
	taken  int
	number map[string]uint32 // by tenant, of those that have some
	each   []share           // by number
	unused []uint32          // numbers
}

type share struct {
	tenant string
	taken  int
}

const shareOfFree = 3

func newShares(room int) *shares { return &shares{room: room, number: map[string]uint32{}} }

// What to do is in the text: the process that logs it is the one to change.
var errGuardFull = &guardError{why: "the replay guard has no room left for this tenant's messages: give RememberReplays a larger room"}

// take takes room for one message, and returns the tenant's number for giveBack.
func (s *shares) take(tenant string) (number uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, known := s.number[tenant]
	taken := 0
	if known {
		taken = s.each[number].taken
	}
	if taken >= shareOfFree*(s.room-s.taken) {
		return 0, errGuardFull
	}
	if !known {
		number = s.add(strings.Clone(tenant)) // it may be a part of a whole request line
	}
	s.each[number].taken++
	s.taken++
	return number, nil
}

func (s *shares) add(tenant string) (number uint32) {
	if last := len(s.unused) - 1; last >= 0 {
		number, s.unused = s.unused[last], s.unused[:last]
		s.each[number] = share{tenant: tenant}
	} else {
		number = uint32(len(s.each))
		s.each = append(s.each, share{tenant: tenant})
	}
	s.number[tenant] = number
	return number
}

// giveBack gives back what one message took.
func (s *shares) giveBack(number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	of := &s.each[number]
	if of.taken--; of.taken > 0 {
		return
	}
	delete(s.number, of.tenant)
	of.tenant = ""
	s.unused = append(s.unused, number)
	if s.taken == 0 { // all that the busiest hour needed
		s.number, s.each, s.unused = map[string]uint32{}, nil, nil
	}
}

// short tells whether less than half of the room is left.
func (s *shares) short() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken > s.room/2
}
