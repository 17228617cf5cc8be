package document

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Merge returns a stored object with another value in it. known is what a kind knows of
// it, and next is the other value, written in the same way. What is alike in both stays as
// it is stored; what next has not is gone; what only stored has survives, at any depth. Of
// an array's objects two are the same one where their first members are. The error is a
// Malformed.
func Merge(stored, known, next string) (string, error) {
	var objects [3]object
	for i, text := range []string{stored, known, next} {
		var err error
		if objects[i], err = parseObject(text); err != nil {
			return "", err
		}
	}
	if err := objects[0].merge(&objects[1], &objects[2]); err != nil {
		return "", err
	}
	return objects[0].encode()
}

func (o *object) merge(known, next *object) error {
	for _, m := range known.members {
		if next.value(m.name) == nil {
			o.take(m.name)
		}
	}
	for _, m := range next.members {
		was := known.value(m.name)
		if bytes.Equal(was, m.value) {
			continue // it may stand in another form, or not at all where it is a default
		}
		var err error
		if m.value, err = mergeValue(o.value(m.name), was, m.value); err != nil {
			return err
		}
		o.put(m)
	}
	return nil
}

// value returns a member's; nil: it has none of that name.
func (o *object) value(name string) jsontext.Value {
	if i := o.index(name); i >= 0 {
		return o.members[i].value
	}
	return nil
}

func mergeValue(stored, known, next jsontext.Value) (jsontext.Value, error) {
	if stored == nil || known == nil || stored.Kind() != next.Kind() || known.Kind() != next.Kind() {
		return next, nil
	}
	switch next.Kind() {
	case '{':
		return mergeObjects(stored, known, next)
	case '[':
		return mergeArrays(stored, known, next)
	}
	return next, nil
}

func mergeObjects(values ...jsontext.Value) (jsontext.Value, error) {
	var objects [3]object
	for i, value := range values {
		var err error
		if objects[i], err = split(value, ""); err != nil {
			return nil, err
		}
	}
	if err := objects[0].merge(&objects[1], &objects[2]); err != nil {
		return nil, err
	}
	text, err := objects[0].encode()
	return jsontext.Value(text), err
}

// mergeArrays relies on known having an element for each of stored.
func mergeArrays(stored, known, next jsontext.Value) (jsontext.Value, error) {
	was, err := elements(stored)
	if err != nil {
		return nil, err
	}
	knew, err := elements(known)
	if err != nil || len(was) != len(knew) {
		return next, err
	}
	merged, err := elements(next)
	if err != nil {
		return nil, err
	}
	for i, element := range merged {
		same := slices.IndexFunc(knew, func(k jsontext.Value) bool { return sameEntry(k, element) })
		switch {
		case same < 0:
			continue
		case bytes.Equal(knew[same], element):
			merged[i] = was[same]
		default:
			if merged[i], err = mergeValue(was[same], knew[same], element); err != nil {
				return nil, err
			}
		}
		knew[same] = nil // each goes to one
	}
	return slices.Concat([]byte("["), bytes.Join(texts(merged), []byte(",")), []byte("]")), nil
}

func texts(values []jsontext.Value) [][]byte {
	all := make([][]byte, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}

// sameEntry tells whether two elements are alike, or are objects whose first members are.
func sameEntry(a, b jsontext.Value) bool {
	if a == nil || a.Kind() != '{' || b.Kind() != '{' {
		return bytes.Equal(a, b)
	}
	first, err := split(a, "")
	second, err2 := split(b, "")
	return err == nil && err2 == nil && len(first.members) > 0 && len(second.members) > 0 &&
		first.members[0].name == second.members[0].name && bytes.Equal(first.members[0].value, second.members[0].value)
}
