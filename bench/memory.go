package main

import (
	"context"
	"fmt"
	"runtime"
)

const memoryNotes = `Heap for each tenant that is held: what its objects take, after a collection, and in
brackets what is in use for them, with the gaps that the loads' own garbage has left
between them and that later allocations fill. Secrets are read by the SDK's own client
over HTTP on loopback, from a server in another process. The second reader needs the
permission for GetSecretValue alone.`

const heapLimit = 1_000 // B a tenant

// heap is what objects take and what is in use for them, in bytes.
type heap struct{ live, inUse float64 }

func memory(ctx context.Context, b *run) ([]line, error) {
	server, err := startServer(ctx, b.remember)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	first := line{Case: "default reader, " + plural(b.remember, "tenant"), Peers: make(map[string]string)}
	second := line{Case: "second reader, " + plural(b.remember, "tenant")}

	ours, err := heapEach(ctx, server, b.remember, newOurs)
	if err != nil {
		return nil, err
	}
	first.Ours = ours.String()
	first.Goals = []goal{atMost(ours.live, heapLimit, "%.0f B")}
	for _, peer := range peers {
		h, name, err := heapOf(ctx, server, b.remember, peer)
		if err != nil {
			return nil, err
		}
		first.Peers[name] = h.String()
	}
	ours, err = heapEach(ctx, server, b.remember, newOursWith(valuesOnly))
	second.Ours = ours.String()
	second.Goals = []goal{atMost(ours.live, heapLimit, "%.0f B")}
	return []line{first, second}, err
}

func (h heap) String() string {
	return fmt.Sprintf("%.0f B (%.0f)", h.live, h.inUse)
}

func heapEach(ctx context.Context, s *server, tenants int, build maker) (heap, error) {
	h, _, err := heapOf(ctx, s, tenants, build)
	return h, err
}

// heapOf returns what an engine keeps for each tenant that it has loaded.
func heapOf(ctx context.Context, s *server, tenants int, build maker) (heap, string, error) {
	client, idle := s.client()
	e, err := build(client, unhurried)
	if err != nil {
		return heap{}, "", err
	}
	defer e.close()
	p := s.population(tenants)
	before := heapNow()
	if err := p.warm(ctx, e); err != nil {
		return heap{}, "", err
	}
	idle() // a connection's buffers are not the cache's
	after := heapNow()
	runtime.KeepAlive(e)
	runtime.KeepAlive(p)
	n := float64(tenants)
	return heap{(after.live - before.live) / n, (after.inUse - before.inUse) / n}, e.name, nil
}

// heapNow collects twice: what has a finalizer goes in the second round.
func heapNow() heap {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return heap{float64(stats.HeapAlloc), float64(stats.HeapInuse)}
}
