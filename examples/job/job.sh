#!/bin/sh
echo "the job ran"
