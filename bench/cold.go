package main

import (
	"context"
	"fmt"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const coldNotes = `Calls to Secrets Manager for each tenant when a process starts and 64 goroutines ask
for all of them once; every call takes 2 ms.`

const coldAPI = 2 * time.Millisecond

func cold(ctx context.Context, b *run) (lines []line, err error) {
	p, err := newPopulation(b.cold, 1)
	if err != nil {
		return nil, err
	}
	defer p.backend.Inject(secretstest.Fault{Delay: coldAPI})()

	first := line{Case: "default reader", Peers: make(map[string]string)}
	for _, build := range append([]maker{newOurs}, peers...) {
		calls, took, name, err := coldStart(ctx, p, build)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		text := fmt.Sprintf("%.2f calls, %s", calls, brief(took))
		if name == oursName {
			first.Ours, first.Goals = text, []goal{atMost(calls, 2, "%.2f calls")}
		} else {
			first.Peers[name] = text
		}
	}
	second, fetched := line{Case: "second reader"}, line{Case: "prefetched"}
	calls, took, _, err := coldStart(ctx, p, newOursWith(valuesOnly))
	if err != nil {
		return nil, err
	}
	second.Ours = fmt.Sprintf("%.2f calls, %s", calls, brief(took))
	second.Goals = []goal{atMost(calls, 1, "%.2f calls")}
	if calls, took, err = prefetched(ctx, p); err != nil {
		return nil, err
	}
	fetched.Ours = fmt.Sprintf("%.2f calls, %s", calls, brief(took))
	fetched.Goals = []goal{atMost(calls, .05, "%.2f calls")}
	return []line{first, second, fetched}, nil
}

// coldStart returns the calls for each tenant.
func coldStart(ctx context.Context, p *population, build maker) (calls float64, took time.Duration, name string, err error) {
	api := &meter{service: p.backend}
	e, err := build(api, unhurried)
	if err != nil {
		return 0, 0, "", err
	}
	defer e.close()
	began := time.Now()
	err = p.warm(ctx, e)
	return float64(api.calls()) / float64(len(p.ids)), time.Since(began), e.name, err
}

// prefetched counts what is called for a tenant before, and when it is asked for.
func prefetched(ctx context.Context, p *population) (calls float64, took time.Duration, err error) {
	api := &meter{service: p.backend}
	c, err := newClient(api, unhurried)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	began := time.Now()
	if err := prefetch(ctx, c, p.ids); err != nil {
		return 0, 0, err
	}
	took = time.Since(began)
	err = eachOf(p.ids, connections, func(tenant string) error { return found(c.TenantSecret(ctx, tenant)) })
	return float64(api.calls()) / float64(len(p.ids)), took, err
}

func found(_ *tenantsecrets.TenantSecret, err error) error { return err }
