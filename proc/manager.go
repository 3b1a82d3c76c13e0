package proc

import (
	"context"

	"gosv/conf"
)

// Manager owns all processes. Make one with New, then call Run.
type Manager struct{}

// Spec is one launch, ready for the kernel.
type Spec struct{}

// New makes a manager that knows no groups yet.
func New(o Options) *Manager { panic("internal error: not built yet") }

func (m *Manager) Run(ctx context.Context) error                              { panic("internal error: not built yet") }
func (m *Manager) Do(ctx context.Context, op Op, each func(Result)) error     { panic("internal error: not built yet") }
func (m *Manager) Add(ctx context.Context, g *conf.Group) error               { panic("internal error: not built yet") }
func (m *Manager) Remove(ctx context.Context, name string) error              { panic("internal error: not built yet") }
func (m *Manager) Update(ctx context.Context, p conf.Plan, only []string, each func(Step)) error {
	panic("internal error: not built yet")
}
func (m *Manager) Processes(ctx context.Context) ([]Info, error)                    { panic("internal error: not built yet") }
func (m *Manager) Process(ctx context.Context, group, name string) (Info, error)    { panic("internal error: not built yet") }
func (m *Manager) Groups(ctx context.Context) ([]*conf.Group, error)                { panic("internal error: not built yet") }
func (m *Manager) Stdin(ctx context.Context, group, name string, data []byte) error { panic("internal error: not built yet") }
func (m *Manager) Shutdown(mood Mood)                                               { panic("internal error: not built yet") }
func (m *Manager) Mood() Mood                                                       { panic("internal error: not built yet") }
