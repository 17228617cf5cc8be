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

// cut returns the items after a token, at most so many, and the next token.
func (p pages[T]) cut(items []T, most int, token *string) ([]T, *string, error) {
	if token != nil {
		after, err := p.decode(*token)
		if err != nil {
			return nil, nil, err
		}
		items = slices.DeleteFunc(slices.Clone(items), func(item T) bool { return p.compare(p.place(item), after) <= 0 })
	}
	items = slices.SortedFunc(slices.Values(items), func(a, b T) int { return p.compare(p.place(a), p.place(b)) })
	if len(items) <= most {
		return items, nil, nil
	}
	return items[:most], p.encode(p.place(items[most-1])), nil
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
