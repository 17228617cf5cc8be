package secretstest

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
)

// pages cuts a list into pages. A page begins after the position of the last
// item of the page before, so that items made or gone in between neither repeat
// nor hide others.
type pages[T any] struct {
	of        string         // what the list is of; the tokens of another list are refused
	position  func(T) string // orders the items, and is unique among them
	backwards bool
}

// cut returns the items after a token, at most so many, and the next token.
func (p pages[T]) cut(items []T, most int, token *string) ([]T, *string, error) {
	type placed struct {
		at   string
		item T
	}
	list := make([]placed, len(items))
	for i, item := range items {
		list[i] = placed{p.position(item), item}
	}
	slices.SortFunc(list, func(a, b placed) int { return p.compare(a.at, b.at) })
	if token != nil {
		after, err := p.decode(*token)
		if err != nil {
			return nil, nil, err
		}
		list = slices.DeleteFunc(list, func(e placed) bool { return p.compare(e.at, after) <= 0 })
	}
	var next *string
	if len(list) > most {
		list = list[:most]
		next = p.encode(list[most-1].at)
	}
	page := make([]T, len(list))
	for i := range list {
		page[i] = list[i].item
	}
	return page, next, nil
}

func (p pages[T]) compare(a, b string) int {
	if p.backwards {
		a, b = b, a
	}
	return cmp.Compare(a, b)
}

func (p pages[T]) encode(position string) *string {
	token := base64.StdEncoding.EncodeToString([]byte(p.of + "\n" + position))
	return &token
}

func (p pages[T]) decode(token string) (position string, err error) {
	text, err := base64.StdEncoding.DecodeString(token)
	position, ok := strings.CutPrefix(string(text), p.of+"\n")
	if err != nil || !ok {
		return "", failure("InvalidNextTokenException", "The NextToken value is invalid.") // from the service model
	}
	return position, nil
}
