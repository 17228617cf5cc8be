package rotation

import (
	"context"
	"sync"
	"time"

	"github.com/formbridge/tenantsecrets/internal/writer"
)

// pace keeps writes a gap apart.
type pace struct {
	gap time.Duration

	mu   sync.Mutex
	next time.Time // when the next write may begin
}

// wait takes the next turn.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	turn := p.next
	if turn.Before(now) {
		turn = now
	}
	p.next = turn.Add(p.gap)
	p.mu.Unlock()
	return writer.Sleep(ctx, turn.Sub(now))
}
