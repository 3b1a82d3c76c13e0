package conf

// Plan is what has to be done to get from one configuration to another, by groups, as
// supervisord's update does it.
type Plan struct {
	Added   []*Group      // in (Priority, Name) order of the new configuration
	Changed []GroupChange // likewise
	Removed []*Group      // in the order of the old configuration
}

// GroupChange is a group that both configurations have, with the reasons why it differs.
type GroupChange struct {
	Old, New *Group
	Reasons  []Reason
}

// Reason is one option that differs.
type Reason struct {
	Process  string // namespec; "" for an option of the group itself
	Key      string
	Old, New string
	Pos      Pos // where the new value is written
}

// Diff compares the groups of two configurations; a nil old is an empty one.
// It follows Supervisor's rules of what counts as changed (ProcessConfig.__eq__),
// except that a change between AUTO and a path is seen.
func Diff(old, new []*Group) Plan { panic("internal error: not built yet") }
