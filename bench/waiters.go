package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const waitersNotes = `A cold secret behind a Secrets Manager that takes 500 ms a call. Ours is exact, in
simulated time; the peers ran in real time, for a caller that waits for a mutex stops
the simulated clock.`

const (
	waitersAPI     = 500 * time.Millisecond
	waiterDeadline = 5 * time.Millisecond
	companions     = 999 // of the leader that is cancelled
)

func waiters(ctx context.Context, b *run) ([]line, error) {
	lines, err := b.simulated(ctx, "waiters")
	if err != nil {
		return nil, err
	}
	for i := range lines {
		lines[i].Peers = make(map[string]string)
	}
	for _, build := range peers {
		late, name, err := waiterBehind(ctx, build)
		if err != nil {
			return nil, err
		}
		harmed, err := harmedBy(ctx, build)
		if err != nil {
			return nil, err
		}
		lines[0].Peers[name] = "after " + brief(late)
		lines[1].Peers[name] = fmt.Sprintf("%d of %d", harmed, companions)
	}
	return lines, nil
}

// behindSlowAPI makes an engine of one cold tenant.
func behindSlowAPI(build maker) (*population, *engine, error) {
	p, err := newPopulation(1, 1)
	if err != nil {
		return nil, nil, err
	}
	p.backend.Inject(secretstest.Fault{Delay: waitersAPI})
	e, err := build(&meter{service: p.backend}, unhurried)
	return p, e, err
}

// waiterBehind returns when a caller with a deadline comes back that joined the
// load of one without.
func waiterBehind(ctx context.Context, build maker) (took time.Duration, name string, err error) {
	p, e, err := behindSlowAPI(build)
	if err != nil {
		return 0, "", err
	}
	defer e.close()
	var leader sync.WaitGroup
	leader.Go(func() { _ = e.get(ctx, p.ids[0]) })
	time.Sleep(waitersAPI / 10)
	began := time.Now()
	impatient, cancel := context.WithTimeout(ctx, waiterDeadline)
	defer cancel()
	_ = e.get(impatient, p.ids[0])
	took = time.Since(began)
	leader.Wait()
	return took, e.name, nil
}

// harmedBy returns how many callers fail because the one that came first is
// cancelled.
func harmedBy(ctx context.Context, build maker) (harmed int, err error) {
	p, e, err := behindSlowAPI(build)
	if err != nil {
		return 0, err
	}
	defer e.close()
	var callers sync.WaitGroup
	leading, cancel := context.WithCancel(ctx)
	callers.Go(func() { _ = e.get(leading, p.ids[0]) })
	time.Sleep(waitersAPI / 10)
	errs := make([]error, companions)
	for i := range companions {
		callers.Go(func() { errs[i] = e.get(ctx, p.ids[0]) })
	}
	time.Sleep(waitersAPI / 10)
	cancel()
	callers.Wait()
	for _, err := range errs {
		if err != nil {
			harmed++
		}
	}
	return harmed, nil
}
