package secretstest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// pages cuts a list into pages. A page begins after the place of the last item
// of the page before, so that items made or gone in between neither repeat nor
// hide others.
type pages[T any] struct {
	of        string        // what the list is of; the tokens of another list are refused
	place     func(T) place // orders the items, and is unique among them
	backwards bool
}

// place is where an item stands in a list: by a text or a date, and among equal
// ones by when it was made.
type place struct {
	text   string // without spaces
	date   int64  // milliseconds
	serial uint64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.text, q.text), cmp.Compare(p.date, q.date), cmp.Compare(p.serial, q.serial))
}

// cut returns the items after a token, at most so many, and the next token. It
// sorts no more than a page: a list may be of 500,000.
func (p pages[T]) cut(items []T, most int, token *string) ([]T, *string, error) {
	var after *place
	if token != nil {
		decoded, err := p.decode(*token)
		if err != nil {
			return nil, nil, err
		}
		after = &decoded
	}
	page := p.first(items, most+1, after)
	if len(page) <= most {
		return page, nil, nil
	}
	return page[:most], p.encode(p.place(page[most-1])), nil
}

// first returns the first n items after a place, or from the start, in order.
func (p pages[T]) first(items []T, n int, after *place) []T {
	var found []T
	var places []place
	for _, item := range items {
		at := p.place(item)
		if after != nil && p.compare(at, *after) <= 0 || len(found) == n && p.compare(at, places[n-1]) >= 0 {
			continue
		}
		i, _ := slices.BinarySearchFunc(places, at, p.compare)
		if len(found) == n {
			found, places = found[:n-1], places[:n-1]
		}
		found, places = slices.Insert(found, i, item), slices.Insert(places, i, at)
	}
	return found
}

func (p pages[T]) compare(a, b place) int {
	if p.backwards {
		a, b = b, a
	}
	return a.compare(b)
}

func (p pages[T]) encode(last place) *string {
	token := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s\n%d %d %s", p.of, last.date, last.serial, last.text))
	return &token
}

func (p pages[T]) decode(token string) (after place, err error) {
	text, err := base64.StdEncoding.DecodeString(token)
	position, ok := strings.CutPrefix(string(text), p.of+"\n")
	if err == nil && ok {
		_, err = fmt.Sscanf(position+".", "%d %d %s", &after.date, &after.serial, &after.text)
		after.text = strings.TrimSuffix(after.text, ".") // %s takes no empty text
	}
	if err != nil || !ok {
		return place{}, failure("InvalidNextTokenException", "The NextToken value is invalid.") // from the service model
	}
	return after, nil
}
