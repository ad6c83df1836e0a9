import { memoryJournal } from '../../../src/rotation/index.ts'
import { describeJournal } from '../../contract/rollover-journal.ts'

describeJournal('memoryJournal', async () => {
  const journal = memoryJournal()
  return { open: () => journal }
})
