package main

import (
	"runtime"
	"sync"
	"time"
)

// paced starts a request every interval for as long as it is told, each on a
// goroutine of its own as net/http does, and returns how long each one took. A
// request that waits delays no other, and is not left out because of it.
func paced(interval, during time.Duration, request func(i int)) []time.Duration {
	var (
		took  = make([]time.Duration, during/interval)
		wait  sync.WaitGroup
		began = time.Now()
	)
	for i := range took {
		for time.Since(began) < time.Duration(i)*interval {
			runtime.Gosched() // sleeping would be some 50 µs late
		}
		wait.Go(func() {
			start := time.Now()
			request(i)
			took[i] = time.Since(start)
		})
	}
	wait.Wait()
	return took
}
