package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// port is an actor's way to Secrets Manager: every call waits there for the scheduler
// to say what becomes of it. A Rotator needs the methods that are not defined here, and
// no actor calls them.
type port struct {
	*secretstest.Backend
	*role
	w     *world
	moves chan move
	dead  bool
	free  bool // calls do not wait

	mu sync.Mutex // an actor that wakes by itself is in step with the scheduler by nothing else
	status
}

// status is where an actor is.
type status struct {
	waiting string // for the scheduler, with this call; "": it sleeps, or has ended
	ended   bool
	known   uint64 // a hash of what it was told and when: what it does next follows from that
}

func (p *port) now() status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *port) set(edit func(*status)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	edit(&p.status)
}

var errCrashed = errors.New("the process has ended")

// writes are the calls that change the secret.
var writes = map[string]bool{"PutSecretValue": true, "UpdateSecretVersionStage": true, "RotateSecret": true}

func (w *world) port(r *role) *port {
	return &port{Backend: w.backend, role: r, w: w, moves: make(chan move)}
}

// await waits for the scheduler, as long as the request may take.
func (p *port) await(ctx context.Context, name string) (move, error) {
	switch {
	case p.dead:
		return move{}, errCrashed
	case p.free:
		return move{deed: run}, nil
	}
	p.set(func(s *status) { s.waiting = name })
	defer p.set(func(s *status) { s.waiting = "" })
	select {
	case m := <-p.moves:
		return m, nil
	case <-p.w.ctx.Done():
		return move{}, errCrashed
	case <-ctx.Done():
		p.learn("%s timed out", name)
		return move{}, ctx.Err()
	}
}

// through makes a call when the scheduler wants it, and as it wants it.
func through[In, Out any](ctx context.Context, p *port, name string, in *In, call func(context.Context, *In, ...func(*secretsmanager.Options)) (*Out, error)) (*Out, error) {
	m, err := p.await(ctx, name)
	if err != nil {
		return nil, err
	}
	p.learn("%s %d of %d", name, m.deed, p.w.history.before(m.ago).hash)
	switch m.deed {
	case crashBefore:
		p.dead = true
		return nil, errCrashed
	case stale:
		defer p.Inject(secretstest.Fault{StaleBy: p.w.history.staleness(m.ago)})()
	}
	out, err := call(ctx, in)
	if p.free && writes[name] {
		p.w.broken = errors.Join(p.w.broken, p.w.published(p.makes))
	}
	switch m.deed {
	case lose:
		return nil, secretstest.ConnectionReset()
	case crashAfter:
		p.dead = true
		return nil, errCrashed
	}
	return out, err
}

// learn notes what the actor is told.
func (p *port) learn(format string, args ...any) {
	told := fmt.Sprint(time.Since(p.w.began)) + fmt.Sprintf(format, args...)
	p.set(func(s *status) { s.known = hash(fmt.Sprint(s.known, told)) })
}

func (p *port) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := through(ctx, p, "DescribeSecret", in, p.Backend.DescribeSecret)
	if err == nil {
		p.w.without.described(out)
	}
	return out, err
}

func (p *port) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return through(ctx, p, "GetSecretValue", in, p.Backend.GetSecretValue)
}

func (p *port) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	if !p.hostile {
		changed := *in
		p.w.without.put(&changed)
		in = &changed
	}
	return through(ctx, p, "PutSecretValue", in, p.Backend.PutSecretValue)
}

func (p *port) UpdateSecretVersionStage(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	return through(ctx, p, "UpdateSecretVersionStage", in, p.Backend.UpdateSecretVersionStage)
}

func (p *port) RotateSecret(ctx context.Context, in *secretsmanager.RotateSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.RotateSecretOutput, error) {
	return through(ctx, p, "RotateSecret", in, p.Backend.RotateSecret)
}
