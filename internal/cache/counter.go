package cache

import (
	"sync/atomic"
	"unsafe"
)

// stripedCounter counts without coupling cores: a goroutine finds its stripe by
// where its stack is, so that two that run at once seldom share one.
type stripedCounter struct{ stripes [64]stripe }

// stripe fills a cache line, so that it shares none.
type stripe struct {
	n atomic.Uint64
	_ [56]byte
}

const minStack = 2048 // bytes of a goroutine's stack in the Go runtime

func (c *stripedCounter) add() {
	var here byte
	c.stripes[uintptr(unsafe.Pointer(&here))/minStack%uintptr(len(c.stripes))].n.Add(1)
}

func (c *stripedCounter) sum() (n uint64) {
	for i := range c.stripes {
		n += c.stripes[i].n.Load()
	}
	return n
}
