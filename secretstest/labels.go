package secretstest

import "slices"

// The staging labels the service moves by itself.
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
	stagePending  = "AWSPENDING"
)

// holder returns the version a label is on, or nil.
func (s *secret) holder(stage string) *version {
	for _, v := range s.versions {
		if v.has(stage) {
			return v
		}
	}
	return nil
}

// attach puts a label on a version of an edited secret, and so takes it off
// any other.
func (s *secret) attach(stage, id string) {
	s.detach(stage)
	i := s.index(id)
	v := *s.versions[i]
	v.stages = append(slices.Clone(v.stages), stage)
	slices.Sort(v.stages)
	s.versions[i] = &v
}

// detach takes a label off an edited secret.
func (s *secret) detach(stage string) {
	for i, v := range s.versions {
		if v.has(stage) {
			without := *v
			without.stages = slices.DeleteFunc(slices.Clone(v.stages), func(l string) bool { return l == stage })
			if len(without.stages) == 0 {
				without.stages = nil // answers have no empty list of labels
			}
			s.versions[i] = &without
		}
	}
}

// promote makes a version of an edited secret the current one, and the one that
// was current the previous one.
func (s *secret) promote(id string) {
	was := s.holder(stageCurrent)
	s.attach(stageCurrent, id)
	if was != nil && was.id != id {
		s.attach(stagePrevious, was.id)
	}
}

// labels counts the labels over all versions.
func (s *secret) labels() int {
	n := 0
	for _, v := range s.versions {
		n += len(v.stages)
	}
	return n
}

func (v *version) has(stage string) bool { return slices.Contains(v.stages, stage) }
