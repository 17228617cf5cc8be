package main

import (
	"context"
	"fmt"
	"math/rand/v2"
)

const scanNotes = `A working set of 1,000 tenants, drawn at random, in a cache with 10 % headroom. Every
other request is for a tenant outside of it, each of whom comes once. Misses of the
working set, as loads that reach Secrets Manager.`

const (
	workingSet   = 1_000
	scanCapacity = 1_100
	mostMisses   = 1.0 // %
)

func scan(ctx context.Context, b *run) ([]line, error) {
	p, err := newPopulation(workingSet+b.scan, 1)
	if err != nil {
		return nil, err
	}
	l := line{Case: plural(b.scan, "other"), Peers: make(map[string]string)}
	for _, build := range append([]maker{newOurs}, peers...) {
		misses, name, err := missesOf(ctx, p, build)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		text := fmt.Sprintf("%.2f %% misses", misses)
		if name == oursName {
			l.Ours, l.Goals = text, []goal{atMost(misses, mostMisses, "%.2f %% misses")}
		} else {
			l.Peers[name] = text
		}
	}
	return []line{l}, nil
}

// missesOf returns the percentage of the working set's requests that are loads.
func missesOf(ctx context.Context, p *population, build maker) (percent float64, name string, err error) {
	wanted := map[string]bool{}
	for _, id := range p.ids[:workingSet] {
		wanted[secretName(id)] = true
	}
	misses := 0
	api := &meter{service: p.backend, seen: func(operation, name string) {
		if operation == "GetSecretValue" && wanted[name] {
			misses++ // one request at a time
		}
	}}
	s := unhurried
	s.capacity = scanCapacity
	e, err := build(api, s)
	if err != nil {
		return 0, "", err
	}
	defer e.close()
	for range 3 { // a working set is what was asked for more than once
		for _, id := range p.ids[:workingSet] {
			if err := e.get(ctx, id); err != nil {
				return 0, e.name, err
			}
		}
	}
	misses = 0
	others := p.ids[workingSet:]
	for _, other := range others {
		if err := e.get(ctx, p.ids[rand.IntN(workingSet)]); err != nil {
			return 0, e.name, err
		}
		if err := e.get(ctx, other); err != nil {
			return 0, e.name, err
		}
	}
	return 100 * float64(misses) / float64(len(others)), e.name, nil
}
